"""Tasks: prompts with inputs and output types. `tasks` lists and runs them; each one has a file of its name."""
