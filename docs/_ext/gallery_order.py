"""Order of the example gallery."""

FIRST = ("plot_demo.py", "plot_penguins.py")


class FirstSteps:
    """Put the examples to start with first, the others by name."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        return (filename not in FIRST, filename)
