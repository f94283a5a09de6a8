using Granary.Contracts;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Granary.Grains.Coordinator;

/// <summary>
/// What a coordinator knows of its run: the record, which lies on storage, too, and what has been told of it. Another activation may
/// take over at any moment; whichever finds that storage has moved on without it is not in command.
/// </summary>
/// <param name="lostCommand">Told when this activation is not in command any more.</param>
internal sealed partial class RunBook(string runId, IPersistentState<RunRecord> stored, TimeProvider time, ILogger logger, Action lostCommand)
{
    private static readonly TimeSpan StoragePause = TimeSpan.FromSeconds(1);

    // Attempts to write between two reminders; they are a second apart.
    private const int RemindEvery = 5;
    private readonly SemaphoreSlim writing = new(1);

    public string RunId => runId;

    public RunRecord Record => stored.State;

    public EventLog Events { get; } = new(time, new());

    /// <summary>Whether the run is another activation's, or is being handed over.</summary>
    public bool IsLeft { get; private set; }

    /// <exception cref="UnknownRunException">There is no such run.</exception>
    public RunStatus Status
    {
        get => Record.Status ?? throw new UnknownRunException($"No run is named '{RunId}'.");
        set => Record.Status = value;
    }

    /// <summary>From here on the run is another activation's.</summary>
    public void Leave() => IsLeft = true;

    public void LoseCommand()
    {
        Leave();
        LogCommandLost(RunId);
        lostCommand();
    }

    public async Task ChangeAsync(RunStatus status, RunState state, string reason, EventKind kind = EventKind.State)
    {
        if (Record.Status is { } before && !before.State.CanBecome(state))
        {
            throw new InvalidOperationException($"A run that is {before.State} cannot become {state}. This is a defect of Granary.");
        }
        var since = state == Record.Status?.State ? Record.Status.Since : time.GetUtcNow();
        Status = status with { State = state, Reason = reason, Since = since };
        await WriteAsync();
        LogStateChanged(RunId, state, reason);
        Events.Add(reason, Status, kind);
    }

    /// <summary>Storage may lose its data, and a run that trains in peace writes nothing: without this it would be forgotten.</summary>
    public async Task WriteAgainAsync()
    {
        if (IsLeft || !stored.RecordExists || !await writing.WaitAsync(TimeSpan.Zero))
        {
            return;
        }
        try
        {
            await stored.WriteStateAsync();
        }
        catch (InconsistentStateException)
        {
            LoseCommand();
        }
        catch (Exception)
        {
            // Storage is away: what must be written waits for it, and says so.
        }
        finally
        {
            writing.Release();
        }
    }

    /// <summary>Waits for storage as long as it is away.</summary>
    /// <exception cref="CommandLostException">Another activation has written since this one read.</exception>
    public async Task WriteAsync()
    {
        await writing.WaitAsync();
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                if (IsLeft)
                {
                    throw new CommandLostException($"Run '{RunId}' is driven by another coordinator now.");
                }
                try
                {
                    await stored.WriteStateAsync();
                    return;
                }
                catch (InconsistentStateException)
                {
                    LoseCommand();
                }
                catch (Exception away)
                {
                    LogStorageAway(away, RunId, attempt);
                    if (attempt % RemindEvery == 1)
                    {
                        Events.Add(Status.HasEnded ? "The result is whole; its record follows when storage is back." : "Waits for storage: the run's record cannot be written.", Status);
                    }
                    await Task.Delay(StoragePause, time);
                }
            }
        }
        finally
        {
            writing.Release();
        }
    }

    [LoggerMessage(LogLevel.Information, "Run {RunId} is {State}: {Reason}")]
    private partial void LogStateChanged(string runId, RunState state, string reason);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} is driven by another coordinator now; this one gives up")]
    private partial void LogCommandLost(string runId);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} waits for storage, attempt {Attempt}")]
    private partial void LogStorageAway(Exception error, string runId, int attempt);
}
