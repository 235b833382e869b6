"""Those whom we compare ourselves with, each as its documentation advises."""
