"""The record of truth: domain verbs over named SQL, on SQLite or PostgreSQL, with group commit."""
