"""The admin API: what the people who run an app may read and change, behind a bearer token.

From outside import `console.admin`.
"""
