"""The browser tests' fixtures, for what is measured in a browser."""

from __future__ import annotations

from tests.browser.conftest import browser as browser
from tests.browser.conftest import chromium as chromium
from tests.browser.conftest import jupyter as jupyter
from tests.browser.conftest import open_notebook as open_notebook
from tests.browser.conftest import outside_requests as outside_requests
from tests.browser.conftest import page as page
