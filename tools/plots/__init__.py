"""The pictures and the page of tools/plot and tools/plot_training: one module a kind of picture."""
