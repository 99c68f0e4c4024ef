"""Single sign-on by OpenID Connect: people come in by the company's provider, which says who they
are and which groups they belong to (docs/single-sign-on.md)."""
