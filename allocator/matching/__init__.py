"""Which bay for whom: candidates, calendars, the search and the policies. Pure."""
