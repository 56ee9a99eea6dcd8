"""`python -m gateway` is `puhui`."""

from gateway.cli.main import main

if __name__ == "__main__":
    main()
