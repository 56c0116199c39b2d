// Prints the images that Kubernetes' own types have of manifests, one a line: file, kind and reference, with tabs between them.
//
// Documents whose kind is not Kubernetes' own are passed over. An image is what the types say: the field Image of a container, and the
// field Reference of a volume that is an image, wherever they stand in an object.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

var scheme = runtime.NewScheme()

func main() {
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			log.Fatal(err)
		}
	}
	for _, file := range os.Args[1:] {
		if err := readFile(file); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
	}
}

func readFile(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := printImages(file, document); err != nil {
			return err
		}
	}
}

func printImages(file string, document []byte) error {
	object, kind, err := serializer.NewCodecFactory(scheme).UniversalDeserializer().Decode(document, nil, nil)
	if runtime.IsNotRegisteredError(err) || runtime.IsMissingKind(err) || runtime.IsMissingVersion(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if list, is := object.(*corev1.List); is {
		for _, item := range list.Items {
			if err := printImages(file, item.Raw); err != nil {
				return err
			}
		}
		return nil
	}
	walk(reflect.ValueOf(object), func(reference string) {
		fmt.Printf("%s\t%s\t%s\n", file, kind.Kind, strings.TrimSpace(reference))
	})
	return nil
}

// Calls found with every image of a value.
func walk(value reflect.Value, found func(string)) {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !value.IsNil() {
			walk(value.Elem(), found)
		}
	case reflect.Slice:
		for i := range value.Len() {
			walk(value.Index(i), found)
		}
	case reflect.Struct:
		var reference string
		switch typed := value.Interface().(type) {
		case corev1.Container:
			reference = typed.Image
		case corev1.EphemeralContainerCommon:
			reference = typed.Image
		case corev1.ImageVolumeSource:
			reference = typed.Reference
		}
		if reference != "" {
			found(reference)
		}
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				walk(value.Field(i), found)
			}
		}
	}
}
