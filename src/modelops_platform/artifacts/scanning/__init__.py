"""Looking at foreign files without running them; used only inside the limited child (`child.py`)."""
