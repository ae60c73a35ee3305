// net/http/fcgi, or net/http/cgi where a web server runs it as that, and lib/pq: the plain answer and the usage report.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/fcgi"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt"
	_ "github.com/lib/pq"
)

type claims struct {
	Role string `json:"role"`
	jwt.StandardClaims
}

type report struct {
	MinutesUsed      int64   `json:"minutesUsed"`
	MinutesQuota     int64   `json:"minutesQuota"`
	Remaining        int64   `json:"remaining"`
	Plan             string  `json:"plan"`
	SecondsUsed      int64   `json:"secondsUsed"`
	SecondsReserved  int64   `json:"secondsReserved"`
	SecondsRemaining int64   `json:"secondsRemaining"`
	PeriodEnd        *string `json:"periodEnd,omitempty"`
}

type server struct {
	database *sql.DB
	secret   []byte
}

func (s *server) authenticate(request *http.Request) (*claims, error) {
	scheme, text, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return nil, fmt.Errorf("no bearer token")
	}
	var caller claims
	_, err := jwt.ParseWithClaims(text, &caller, func(token *jwt.Token) (interface{}, error) {
		if token.Method != jwt.SigningMethodHS256 {
			return nil, fmt.Errorf("algorithm %v", token.Header["alg"])
		}
		return s.secret, nil
	})
	if err == nil && !caller.VerifyAudience("authenticated", true) {
		err = fmt.Errorf("audience")
	}
	return &caller, err
}

func (s *server) report(ctx context.Context, caller *claims) (*report, string, error) {
	text, err := json.Marshal(map[string]string{"sub": caller.Subject, "role": "authenticated"})
	if err != nil {
		return nil, "", err
	}
	transaction, err := s.database.BeginTx(ctx, nil)
	if err != nil {
		return nil, "", err
	}
	defer transaction.Rollback()
	const set = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)"
	if _, err := transaction.ExecContext(ctx, set, string(text)); err != nil {
		return nil, "", err
	}
	var outcome string
	var plan sql.NullString
	var quota, used, reserved sql.NullInt64
	var end sql.NullString
	row := transaction.QueryRowContext(ctx,
		"select outcome, plan, minutes_quota, seconds_used, seconds_reserved, period_end from private.usage_report(null)")
	if err := row.Scan(&outcome, &plan, &quota, &used, &reserved, &end); err != nil {
		return nil, "", err
	}
	if err := transaction.Commit(); err != nil {
		return nil, "", err
	}
	minutes := (used.Int64 + 59) / 60
	result := report{
		MinutesUsed: minutes, MinutesQuota: quota.Int64, Plan: plan.String,
		SecondsUsed: used.Int64, SecondsReserved: reserved.Int64,
		SecondsRemaining: 60*quota.Int64 - used.Int64 - reserved.Int64,
	}
	if left := quota.Int64 - minutes; left > 0 {
		result.Remaining = left
	}
	if end.Valid {
		result.PeriodEnd = &end.String
	}
	return &result, outcome, nil
}

func (s *server) usageReport(writer http.ResponseWriter, request *http.Request) {
	caller, err := s.authenticate(request)
	if err != nil {
		http.Error(writer, "unauthorized", http.StatusUnauthorized)
		return
	}
	report, outcome, err := s.report(request.Context(), caller)
	if err != nil {
		http.Error(writer, "internal", http.StatusInternalServerError)
		return
	}
	if outcome != "ok" {
		http.Error(writer, "forbidden", http.StatusForbidden)
		return
	}
	answer(writer, report)
}

func answer(writer http.ResponseWriter, body interface{}) {
	writer.Header().Set("Content-Type", "application/json")
	json.NewEncoder(writer).Encode(body)
}

func main() {
	// binary_parameters spares lib/pq a round trip for every statement with parameters.
	database, err := sql.Open("postgres", "sslmode=disable binary_parameters=yes")
	if err != nil {
		log.Fatal(err)
	}
	database.SetMaxOpenConns(16)
	database.SetMaxIdleConns(16)
	database.SetConnMaxIdleTime(time.Minute)
	s := &server{database: database, secret: []byte(os.Getenv("SUPABASE_JWT_SECRET"))}

	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(writer http.ResponseWriter, request *http.Request) {
		answer(writer, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/api/usage-report", s.usageReport)

	if os.Getenv("GATEWAY_INTERFACE") != "" {
		if err := cgi.Serve(mux); err != nil {
			log.Fatal(err)
		}
		return
	}
	listener, err := net.Listen("unix", os.Getenv("SOCKET"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(fcgi.Serve(listener, mux))
}
