using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Tables;

/// <summary>The ledger, an endpoint a row.</summary>
internal static class AuditTable
{
    public static IReadOnlyList<TableColumn<AuditResult>> Columns { get; } =
    [
        new("endpoint", audit => audit.Endpoint, IsNumber: false),
        new("accepted", audit => Figures.Count(audit.Accepted)),
        new("arrived", audit => Figures.Count(audit.Arrived)),
        new("lost", audit => Figures.Count(audit.Lost)),
        new("not arrived yet", audit => Figures.Count(audit.NotArrivedYet)),
        new("duplicates", audit => Figures.Count(audit.Duplicates)),
        new("out of order", audit => Figures.Count(audit.OutOfOrder)),
        new("dead letters", audit => Figures.Count(audit.DeadLetters)),
        new("unanswered", audit => Figures.Count(audit.Unanswered)),
        new("invented", audit => Figures.Count(audit.Invented)),
        new("verdict", audit => audit.IsGreen ? "green" : "red", IsNumber: false),
        new("examples", audit => string.Join(", ", audit.Examples), IsNumber: false),
    ];
}
