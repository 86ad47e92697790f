"""A user who asks for predictions and may die at any moment: each time it does what `twopm-zk predict` does, without a
wait for the operator."""

from twopm_zk.prediction.client import PredictionClient
from twopm_zk.prediction.requests import ChainRequest, RequestState

ROWS = [{"GPA": 3.4, "TUCE": 25.0, "PSI": 1.0}, {"GPA": 3.0, "TUCE": 21.0, "PSI": 0.0}]


class AskingUser:
    """Asks about `ROWS`; ``journal`` is what it has heard."""

    def __init__(self, view, spec, store, journal):
        self.client, self.journal = PredictionClient(view, spec, store), journal

    def ask(self, *, operator, fee, network=1):
        """Ask for ``fee`` each at most, deliver and hear; whether all answers were heard."""
        client = self.client
        requests = client.ask(network, operator, ROWS, maximum_fee=fee)
        client.deliver()
        if any(ChainRequest.read(client.view, one).state is not RequestState.ANSWERED for one in requests):
            return False
        answers = [client.wait(one) for one in requests]
        self.journal.write("heard", [[one.request, one.units] for one in answers])
        self.journal.write("news", "finished")  # whoever has heard starts it no more
        for request in requests:
            client.heard(request)
        return True
