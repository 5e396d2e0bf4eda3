"""Description of the methods, by which `tansaku bench` knows them."""

from tansaku.models.domain.rooms import Method

PEER = Method("tansaku.peers.registry:build_peer")
