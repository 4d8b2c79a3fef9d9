"""The door for pages and senders: `/collect` in, `/stream` out, and the page client that talks to both.

Appends to the log and never evaluates. From outside import `ingest.collect`, `ingest.stream` and `ingest.page_client`.
"""
