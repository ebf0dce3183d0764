"""An instance has one name on all its machines, and the name tells no secret."""

import pytest

from invenio_stats.core.instances import file_tag, instance_name, may_be_same


def test_the_prefix_is_the_name():
    assert instance_name("zenodo-", "secret") == "zenodo-"


@pytest.mark.parametrize("prefix", ["", None])
@pytest.mark.parametrize("key", ["secret", b"secret", None])
def test_without_a_prefix_the_name_does_not_tell_the_key(prefix, key):
    name = instance_name(prefix, key)
    assert "secret" not in name
    assert name == instance_name(prefix, key)
    assert name != instance_name(prefix, "other")


def test_a_new_key_may_be_the_same_instance_and_another_prefix_is_not():
    before, after = instance_name("", "old"), instance_name("", "new")
    assert may_be_same(before, after)
    assert file_tag(before) == file_tag(after)
    assert not may_be_same("zenodo-", "cds-")
    assert not may_be_same("zenodo-", after)
    assert len({file_tag(name) for name in ("zenodo-", "cds-", after)}) == 3
