"""Order of the example gallery."""

FIRST = ("plot_demo.py", "plot_missing_labels.py", "plot_penguins.py", "plot_sharing.py", "plot_quality.py")


class FirstSteps:
    """Put the examples to start with first, the others by name."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        return (FIRST.index(filename) if filename in FIRST else len(FIRST), filename)
