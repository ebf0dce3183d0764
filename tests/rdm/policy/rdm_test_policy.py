"""A policy that answers: whoever may read a record may ask for its numbers."""

from invenio_rdm_records.proxies import current_rdm_records_service as service
from invenio_rdm_records.services.permissions import RDMRecordPermissionPolicy
from invenio_rdm_records.services.stats.permissions import StatsPermissionTranslator


class QueryStatsFollowsCanRead(RDMRecordPermissionPolicy):
    """As shipped, but for the numbers."""

    can_query_stats = RDMRecordPermissionPolicy.can_read


class ByRecord(StatsPermissionTranslator):
    """Finds the record that a question is about; of a parent it is the latest version."""

    def translate_params(self, identity):
        """Return what the policy looks at."""
        record_cls = service.record_cls
        if "recid" in self.params:
            return {"record": record_cls.pid.resolve(self.params["recid"])}
        parent = record_cls.parent_record_cls.pid.resolve(self.params["parent_recid"])
        return {"record": record_cls.get_latest_published_by_parent(parent)}


def by_record(query_name, params):
    """Return the permission of one question."""
    return ByRecord("query_stats", **params)
