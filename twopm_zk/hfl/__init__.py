"""Federated learning of any model over HFLContract: its nodes, its coordinator, its auditor."""
