"""Who may do what: accounts of people, tokens for programs, partners and their keys, certificates, signed statements.

Goes in: a secret, a signature or a certificate. Comes out: a grant, a verified statement, a partner.
May say: ``Forbidden("token-missing")``, ``Forbidden("token-invalid")``, ``Forbidden("not-permitted")``,
``Forbidden("password-wrong")``, ``Forbidden("signin-locked")``, ``Refused("password-weak")``,
``Refused("statement-invalid")``, ``Refused("enrolment-invalid")``, ``Refused("invitation-invalid")``,
``Refused("key-…")``.
"""
