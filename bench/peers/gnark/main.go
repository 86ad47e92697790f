// A chain of squarings in gnark's PLONK on BN254: `setup FOLDER GATES`, or `serve FOLDER`, which proves once for each
// line that it reads, verifies what it proved, and answers with the seconds of the proof. ../run.py drives it.
//
// The time that gnark takes to find the values of the gates is not counted: the other provers are given them.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark/backend"
	"github.com/consensys/gnark/backend/plonk"
	"github.com/consensys/gnark/backend/witness"
	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/scs"
	"github.com/consensys/gnark/logger"
	"github.com/consensys/gnark/test/unsafekzg"
)

// chain is one public input and `squarings` squares, each of the value before it.
type chain struct {
	Start     frontend.Variable `gnark:",public"`
	squarings int
}

func (c *chain) Define(api frontend.API) error {
	value := c.Start
	for i := 0; i < c.squarings; i++ {
		value = api.Mul(value, value)
	}
	return nil
}

func main() {
	logger.Disable()
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "setup":
		err = setup(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	default:
		err = fmt.Errorf("usage: setup FOLDER GATES | serve FOLDER")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func setup(folder, number string) error {
	gates, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	circuit := &chain{squarings: gates - 1} // gnark spends a gate on the public input
	system, err := frontend.Compile(ecc.BN254.ScalarField(), scs.NewBuilder, circuit)
	if err != nil {
		return err
	}
	if found := system.GetNbConstraints() + system.GetNbPublicVariables(); found != gates {
		return fmt.Errorf("%d gates instead of %d", found, gates)
	}
	srs, lagrange, err := unsafekzg.NewSRS(system)
	if err != nil {
		return err
	}
	key, verifying, err := plonk.Setup(system, srs, lagrange)
	if err != nil {
		return err
	}
	if err := write(folder, "circuit.ccs", system.WriteTo); err != nil {
		return err
	}
	if err := write(folder, "proving.key", key.WriteRawTo); err != nil {
		return err
	}
	return write(folder, "verifying.key", verifying.WriteRawTo)
}

func serve(folder string) error {
	system := plonk.NewCS(ecc.BN254)
	key, verifying := plonk.NewProvingKey(ecc.BN254), plonk.NewVerifyingKey(ecc.BN254)
	if err := read(folder, "circuit.ccs", system.ReadFrom); err != nil {
		return err
	}
	if err := read(folder, "proving.key", key.UnsafeReadFrom); err != nil {
		return err
	}
	if err := read(folder, "verifying.key", verifying.UnsafeReadFrom); err != nil {
		return err
	}
	start, ok := new(big.Int).SetString(os.Getenv("CHAIN_START"), 10)
	if !ok {
		return fmt.Errorf("CHAIN_START is no number")
	}
	inputs, err := frontend.NewWitness(&chain{Start: start}, ecc.BN254.ScalarField())
	if err != nil {
		return err
	}
	public, err := inputs.Public()
	if err != nil {
		return err
	}
	answers := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		begun := time.Now()
		proof, err := plonk.Prove(system, key, inputs, backend.WithStatisticalZeroKnowledge())
		if err != nil {
			return err
		}
		proven := time.Since(begun)
		solving, err := solve(system, inputs)
		if err != nil {
			return err
		}
		if err := plonk.Verify(proof, verifying, public); err != nil {
			return err
		}
		if err := answers.Encode(map[string]float64{"seconds": (proven - solving).Seconds()}); err != nil {
			return err
		}
	}
	return nil
}

// solve takes the time of what Prove does first: the values of all gates from the inputs.
func solve(system constraint.ConstraintSystem, inputs witness.Witness) (time.Duration, error) {
	begun := time.Now()
	_, err := system.Solve(inputs)
	return time.Since(begun), err
}

func write(folder, name string, to func(io.Writer) (int64, error)) error {
	file, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer file.Close()
	buffered := bufio.NewWriter(file)
	if _, err := to(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

func read(folder, name string, from func(io.Reader) (int64, error)) error {
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = from(bufio.NewReaderSize(file, 1<<20))
	return err
}
