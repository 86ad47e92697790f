"""Parts of a specification that have limits and a document of their own."""
