"""The sign-in and the account pages of allauth, with the rules of this product."""
