// Package archtest holds the tests that guard the module's shape.
package archtest
