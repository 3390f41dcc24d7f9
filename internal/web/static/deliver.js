// Takes the browser to where the answer goes. The link on the page does the same for who has no scripts.
(() => {
  'use strict';
  document.getElementById('deliver-link').focus();
  location.replace(document.getElementById('deliver').dataset.to);
})();
