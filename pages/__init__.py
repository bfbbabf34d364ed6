"""One file a page: `render(store)` lays it out, then wires it; texts of models never become markup."""
