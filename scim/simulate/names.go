package simulate

// Names of people are as the world has them: accents, apostrophes, hyphens, blanks, other scripts. After a slash stands
// the part of the user name, where it is not simply the name in lower case.
var (
	givenNames = []string{
		"Ada", "Amélie/amelie", "Anne-Marie", "Björn/bjorn", "Chidi", "Dana", "Emre", "Fatima", "Giulia", "Håkon/hakon",
		"Ines", "João/joao", "Kwame", "Leila", "María José/mariajose", "Nikola", "Olga", "Priya", "Quentin", "Rosa",
		"Søren/soren", "Tomáš/tomas", "Uma", "Vera", "Wei", "Xavier", "Yuki", "Žofie/zofie", "美咲/misaki", "Мария/maria",
	}
	familyNames = []string{
		"Abel", "Baker", "Castillo", "D'Angelo", "Eriksson", "Farouk", "García/garcia", "Haddad", "Ivanova", "Jones",
		"Kowalska", "Łukasik/lukasik", "Müller/mueller", "Nguyễn/nguyen", "O'Brien", "Petrov", "Quispe", "Rossi",
		"Smith-Jones", "Tanaka", "Usman", "van der Berg/vanderberg", "Weiß/weiss", "Xu", "Yılmaz/yilmaz", "Zimmer",
		"山田/yamada", "Παπαδόπουλος/papadopoulos",
	}
	titles = []string{
		"Account Manager", "Analyst", "Bürokauffrau", "Controller", "Designer", "Director, Sales & Service", "Engineer",
		"Head of \"Special\" Projects", "Intern", "Nurse", "Recruiter", "Teacher", "Warehouse Clerk",
	}
	departments = []string{"Customer Care", "Engineering", "Finance", "HR & Payroll", "Legal", "Marketing", "R&D", "Sales", "Support"}
	locales     = []string{"cs-CZ", "de-DE", "en-GB", "en-US", "es-ES", "fr-FR", "ja-JP", "pl-PL", "tr-TR"}
	places      = []string{"Berlin", "Kraków", "Lagos", "Lima", "London", "New York", "Osaka", "São Paulo", "Sydney", "Zürich"}
)
