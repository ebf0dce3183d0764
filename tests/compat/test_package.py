"""Contract, package and entry points: what a program that swaps the distribution finds under the old names."""

import importlib
from importlib import metadata

import pytest

import invenio_stats

ENTRY_POINTS = [
    ("flask.commands", "stats", "invenio_stats.cli:stats"),
    ("invenio_base.apps", "invenio_stats", "invenio_stats:InvenioStats"),
    ("invenio_base.api_apps", "invenio_stats", "invenio_stats:InvenioStats"),
    ("invenio_base.api_blueprints", "invenio_stats", "invenio_stats.views:blueprint"),
    ("invenio_base.finalize_app", "invenio_stats", "invenio_stats.ext:finalize_app"),
    ("invenio_base.api_finalize_app", "invenio_stats", "invenio_stats.ext:finalize_app"),
    ("invenio_celery.tasks", "invenio_stats", "invenio_stats.tasks"),
    ("invenio_i18n.translations", "invenio_stats", "invenio_stats"),
    ("invenio_queues.queues", "invenio_stats", "invenio_stats.queues:declare_queues"),
    ("invenio_search.templates", "invenio_stats", "invenio_stats.templates:register_templates"),
    ("invenio_search.index_templates", "invenio_stats", "invenio_stats.templates:register_index_templates"),
]


@pytest.fixture(scope="module")
def distribution():
    return metadata.distribution("invenio-stats")


def test_the_distribution_keeps_its_name_and_major_version(distribution):
    """Every client pins `>=7.0.0,<8.0.0`."""
    assert distribution.metadata["Name"] == "invenio-stats"
    assert distribution.version.split(".")[:2] == ["7", "10"]


def test_the_version_is_exported(distribution):
    assert invenio_stats.__version__ == distribution.version


def test_the_top_level_exports_what_programs_import():
    assert {"__version__", "current_stats", "InvenioStats"} <= set(invenio_stats.__all__)
    assert all(hasattr(invenio_stats, name) for name in invenio_stats.__all__)


@pytest.mark.parametrize(
    ("group", "name", "value"), [pytest.param(*entry, id=f"{entry[0]}:{entry[1]}") for entry in ENTRY_POINTS]
)
def test_an_entry_point_leads_to_its_object(distribution, group, name, value):
    (entry_point,) = distribution.entry_points.select(group=group, name=name)
    assert entry_point.value.replace(" ", "") == value
    module, _, attribute = value.partition(":")
    loaded = importlib.import_module(module)
    assert entry_point.load() is (getattr(loaded, attribute) if attribute else loaded)


@pytest.mark.parametrize("extra", ["elasticsearch7", "opensearch1", "opensearch2"])
def test_an_extra_pulls_the_same_extra_of_invenio_search_3(distribution, extra):
    (requirement,) = (
        requirement
        for requirement in distribution.requires
        if requirement.startswith(f"invenio-search[{extra}]") and f"extra == '{extra}'" in requirement.replace('"', "'")
    )
    assert ">=3" in requirement
    assert "<4" in requirement
