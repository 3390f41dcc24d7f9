package demo

// FirebaseUID is who the person is to whoever signs people in: "user".firebase_uid. Only the people of State.Users have one.
func (u User) FirebaseUID() string { return firebaseUID(u.Key) }

func firebaseUID(key string) string { return "demo-" + key }
