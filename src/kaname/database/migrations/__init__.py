"""Steps of the schema. They import no room: each says what it changes, once and for ever."""
