/** All tests of the page. Run by `check`, one after the other: they share one sandbox and its outages. */

import './vectors.mjs'
import './guard.mjs'
import './journey.mjs'
import './session.mjs'
import './breaks.mjs'
import './sight.mjs'
import './input.mjs'
import './looks.mjs'
