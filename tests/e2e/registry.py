"""The table of cases and what a case is given."""
import dataclasses
import itertools
import pathlib
import random

from harness import Mesh, clean_environment

CASES = []


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    body: object
    needs: tuple
    full_only: bool


def case(name, needs=("boto3",), full_only=False):
    """Registers a function of one Context under a name. `needs` lists clients of find_clients()."""
    def register(body):
        CASES.append(Case(name, body, tuple(needs), full_only))
        return body
    return register


class Context:
    """One case's view: its folder, the shared mesh, meshes of its own, figures to report."""
    _buckets = itertools.count(1)

    def __init__(self, runner, name):
        self._runner = runner
        self.name = name
        self.full = runner.options.full
        self.clients = runner.clients
        self.folder = pathlib.Path(runner.folder, name.replace("/", "_"))
        self.folder.mkdir()
        self.home = self.folder / "home"
        self.home.mkdir()
        self.env = clean_environment(self.home)
        self.random = random.Random(f"{runner.options.seed}/{name}")
        self.figures = {}
        self._own = []

    @property
    def mesh(self):
        """One mesh for all cases that leave it as it is."""
        return self._runner.shared_mesh()

    def unstarted_mesh(self, *arguments, folder="mesh"):
        """A mesh for this case alone; ended with the case."""
        mesh = Mesh(self._runner.options.binary, self.folder / folder, arguments, self.env,
                    self.folder / f"{folder}.log")
        self._own.append(mesh)
        return mesh

    def new_mesh(self, *arguments, folder="mesh"):
        """The same, started."""
        return self.unstarted_mesh(*arguments, folder=folder).start()

    def new_bucket(self, s3=None, prefix="b"):
        name = f"{prefix}-{next(self._buckets):04d}-e2e"
        (s3 or self.mesh.s3()).create_bucket(Bucket=name)
        return name

    def bucket_name(self, prefix="b"):
        return f"{prefix}-{next(self._buckets):04d}-e2e"

    def size(self, quick, full):
        return full if self.full else quick

    def figure(self, name, value, unit):
        self.figures[name] = (value, unit)

    def end(self):
        for mesh in self._own:
            mesh.kill()

    def logs(self):
        return [mesh.log_path for mesh in self._own]
