"""The read side, without HTTP: what the pages, the API and the command line all show."""
