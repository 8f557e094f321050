"""Every compared system on the same spines: one training plan, one evaluation, the paper's tables and figures."""
