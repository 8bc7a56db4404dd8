"""Names in a graph."""

#: prefix of all names within the graph, which columns and tasks may not have
INNER = "sklearn_mtl/"
#: name of the input of an array
ARRAY = "X"
#: names of the axes of rows, tokens or steps, and characters
ROWS, STEPS, CHARACTERS = "n_rows", "n_tokens", "n_characters"
