namespace CloudSync.Sdk;

/// <summary>The seam behind which records are read: in batches, by the client's batch call or by <c>Consume</c>, and nothing above it notices which.</summary>
internal interface IRecordReader : IDisposable
{
    /// <summary>
    /// Reads what is there into the batch and waits at most <paramref name="timeout"/> for the first record. The client's callbacks, rebalances among
    /// them, run inside. What the client reports in place of a record is among the batch's errors.
    /// </summary>
    /// <param name="batch">Cleared by the caller. It keeps what was read before an exception.</param>
    /// <param name="max">How many records at most.</param>
    /// <param name="maxBytes">No further record is read once they hold so many bytes, see <see cref="CallSize"/> for what may go past it.</param>
    /// <param name="timeout">How long to wait for the first.</param>
    void Read(RecordBatch batch, int max, long maxBytes, TimeSpan timeout);
}
