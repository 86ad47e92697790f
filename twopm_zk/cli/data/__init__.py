"""Commands of `data` beyond check and register: where data come from, are kept, and who may have them."""
