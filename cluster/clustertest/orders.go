package clustertest

import (
	"fmt"

	"domicile/directory"
	"domicile/fsm/command"
)

// CreateOrganization makes a command that applies only once: both its id and its slug must be free. number tells them
// apart.
func CreateOrganization(number int) command.Command {
	return command.Command{
		Organization: directory.OrganizationID(fmt.Sprintf("organization-%d", number)),
		Actor:        "operator",
		Payload: &command.CreateOrganization{OrganizationFields: command.OrganizationFields{
			Slug:    fmt.Sprintf("organization-%d", number),
			Name:    fmt.Sprintf("Organization %d", number),
			Profile: directory.ProfileInterop,
		}},
	}
}

// RenameOrganization makes a command that applies any number of times.
func RenameOrganization(number int, name string) command.Command {
	c := CreateOrganization(number)
	fields := c.Payload.(*command.CreateOrganization).OrganizationFields
	fields.Name = name
	c.Payload = &command.UpdateOrganization{OrganizationFields: fields}
	return c
}
