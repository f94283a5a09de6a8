namespace Granary.Client.Views;

/// <summary>Says every few seconds on the error stream what a command waits for, until it is disposed of.</summary>
internal sealed class Reminder : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);
    private readonly Timer timer;

    /// <param name="what">After "Waits for".</param>
    public Reminder(string what)
    {
        var begun = TimeProvider.System.GetTimestamp();
        timer = new(_ => ErrorLine.Say($"Waits for {what}, for {TimeProvider.System.GetElapsedTime(begun).TotalSeconds:0} s now."), null, Every, Every);
    }

    public void Dispose() => timer.Dispose();
}
