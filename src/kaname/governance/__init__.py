"""The last room: what reaches through all the others. Today, a withdrawal, and what hubs say to the next tier.

Comes in: a gateway's signed withdrawal of one subject. Goes out: a signed certificate that names what was deleted
here, which models learned from it, and what the next tier certified. A hub's message goes to the room that reads it,
and is acknowledged.
May be refused: ``statement-invalid`` when the sender may not speak for that subject. May have to wait
(``purge-incomplete``) when something is still there after it was deleted.
"""
