package apps

import (
	"encoding/base64"
	"encoding/json"
	"errors"

	"domicile/directory"
	"domicile/seal"
)

// sealed texts travel through browsers and applications, and only a node of this region and cluster can read or make them.

// maxSealed bounds the texts that are opened, in bytes: what browsers keep of a cookie.
const maxSealed = 4 << 10

var errSealed = errors.New("not sealed here")

func sealText(box *seal.Box, v any, aad string) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", &directory.Error{Kind: directory.KindInternal, Err: err}
	}
	return base64.RawURLEncoding.EncodeToString(box.Seal(nil, plain, []byte(aad))), nil
}

// openText reads what sealText made with the same box and additional data. Several texts may open to the same value, so a
// text is no name for what is in it.
func openText(box *seal.Box, text, aad string, v any) error {
	if len(text) > maxSealed {
		return errSealed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return errSealed
	}
	plain, err := box.Open(nil, raw, []byte(aad))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}
