"""The dashboard: pages and API of the web process. Composition in `app`, safety in `middleware` and `auth`."""
