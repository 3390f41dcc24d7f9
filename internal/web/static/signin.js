// Signs a person in with Firebase for this page alone, and sends the ID token to our server, which verifies it. Nothing is
// kept in the browser.
(() => {
  'use strict';
  const box = document.getElementById('signin');
  if (!box) return;
  const { key, domain, emulator } = box.dataset;
  const form = document.getElementById('signin-password');
  const google = document.getElementById('signin-google');
  const error = document.getElementById('signin-error');
  const status = document.getElementById('signin-status');
  const send = document.getElementById('signin-token');
  const email = document.getElementById('email');
  const password = document.getElementById('password');

  const app = firebase.initializeApp({ apiKey: key, authDomain: domain || undefined });
  const auth = app.auth();
  if (emulator) auth.useEmulator('http://' + emulator, { disableWarnings: true });
  auth.languageCode = document.documentElement.lang;
  const ready = auth.setPersistence(firebase.auth.Auth.Persistence.NONE);
  document.getElementById('signin-noscript').hidden = true;
  box.hidden = false;

  const sentences = {
    'auth/wrong-password': 'eWrong', 'auth/user-not-found': 'eWrong', 'auth/invalid-credential': 'eWrong',
    'auth/invalid-login-credentials': 'eWrong', 'auth/missing-password': 'eWrong',
    'auth/invalid-email': 'eEmail', 'auth/missing-email': 'eEmail',
    'auth/popup-closed-by-user': 'eClosed', 'auth/cancelled-popup-request': 'eClosed', 'auth/user-cancelled': 'eClosed',
    'auth/popup-blocked': 'eBlocked',
    'auth/network-request-failed': 'eNetwork', 'auth/timeout': 'eNetwork',
    'auth/too-many-requests': 'eMany', 'auth/quota-exceeded': 'eMany',
    'auth/user-disabled': 'eDisabled',
    'auth/operation-not-allowed': 'eOff', 'auth/unauthorized-domain': 'eOff', 'auth/auth-domain-config-required': 'eOff',
    'auth/multi-factor-auth-required': 'eSecond',
  };

  let busy = false;
  function work(on) {
    busy = on;
    box.setAttribute('aria-busy', String(on));
    status.textContent = on ? box.dataset.busy : '';
    for (const field of [email, password]) field.removeAttribute('aria-invalid');
    if (on) error.textContent = '';
  }

  async function signIn(how, focus) {
    if (busy) return;
    work(true);
    try {
      await ready;
      const { user } = await how();
      send.elements.id_token.value = await user.getIdToken();
      await auth.signOut();
      send.submit();
    } catch (problem) {
      work(false);
      const name = sentences[problem.code] || 'eOther';
      if (name === 'eOther') console.warn('sign-in', problem.code);
      error.textContent = box.dataset[name];
      if (name === 'eWrong' || name === 'eEmail') focus.setAttribute('aria-invalid', 'true');
      focus.focus();
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    signIn(() => auth.signInWithEmailAndPassword(email.value.trim(), password.value), password);
  });
  google?.addEventListener('click', () => {
    signIn(() => auth.signInWithPopup(new firebase.auth.GoogleAuthProvider()), google);
  });
})();
