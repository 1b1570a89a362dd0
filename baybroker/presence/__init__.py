"""What recorded stays tell of residents: the fit of the absence model, its file, and how well it holds on others."""
