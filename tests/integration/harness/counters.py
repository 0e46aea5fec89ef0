"""How far the metrics of a daemon move while something is done."""


class Moved:
    """How far counters move while the body runs."""

    def __init__(self, api):
        self.api = api

    def __enter__(self):
        self.before = self.api.metrics()
        return self

    def __exit__(self, *_):
        self.after = self.api.metrics()

    def __getitem__(self, name):
        return self.after[name] - self.before[name]
