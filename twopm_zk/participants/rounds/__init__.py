"""What tasks of HLRContract and of HFLContract have in common: how they stand, their sets, and who may move them on."""
