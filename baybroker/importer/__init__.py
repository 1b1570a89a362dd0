"""Seoul's official car parks, as published, into a scenario: every row becomes bays or is told with its reason."""
