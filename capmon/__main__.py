"""Run capmon as `python -m capmon`."""

from capmon.cli import main

if __name__ == "__main__":
    main()
