"""The last room: what reaches through all the others. Today, a withdrawal.

Comes in: a gateway's signed withdrawal of one subject. Goes out: a signed certificate that names what was deleted.
May be refused: ``statement-invalid`` when the sender may not speak for that subject. May have to wait
(``purge-incomplete``) when something is still there after it was deleted.
"""
