// What makes the pages more comfortable; without it they work too.
(() => {
  'use strict';

  // Copy buttons appear where they work.
  for (const button of document.querySelectorAll('[data-copy]')) {
    const text = button.parentElement.querySelector('pre');
    const label = button.textContent;
    button.hidden = false;
    const status = document.createElement('span');
    status.className = 'away';
    status.setAttribute('role', 'status');
    button.after(status);
    const tell = (said) => {
      button.textContent = said;
      status.textContent = said;
      setTimeout(() => { button.textContent = label; status.textContent = ''; }, 4000);
    };
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        tell(button.dataset.done);
      } catch {
        getSelection().selectAllChildren(text);
        tell(button.dataset.select);
      }
    });
  }

  // Enter in a checkbox would send the form.
  addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && event.target.matches('input[type="checkbox"]')) event.preventDefault();
  });

  // A second tap on the same button would send the form twice.
  for (const form of document.querySelectorAll('form[data-once]')) {
    form.addEventListener('submit', (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = 'yes';
      form.setAttribute('aria-busy', 'true');
    });
  }
  addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-once]')) {
      delete form.dataset.sent;
      form.removeAttribute('aria-busy');
    }
  });
})();
