using System.Runtime.ExceptionServices;
using Granary.Client.Views;
using Granary.Contracts;

namespace Granary.Client.Sessions;

/// <summary>A run that is followed to its end, whatever becomes of the views that show it.</summary>
/// <param name="until">Where to stop before its end. Default: nowhere.</param>
internal sealed class WatchedRun(IAsyncEnumerable<RunEvent> events, Func<RunStatus, bool>? until = null) : IAsyncDisposable
{
    private readonly IAsyncEnumerator<RunEvent> events = events.GetAsyncEnumerator();
    private ExceptionDispatchInfo? lost;
    private RunStatus? last;
    private bool over;

    /// <summary>A view that breaks is followed by the next; when none is left, the run is followed in silence.</summary>
    /// <returns>The run's last status.</returns>
    /// <exception cref="LostSightException"/>
    public async Task<RunStatus> ShowAsync(IEnumerable<RunView> views)
    {
        foreach (var view in views.Append(new PlainView(TextWriter.Null)))
        {
            try
            {
                await view.ShowAsync(Rest());
            }
            catch (Exception broken)
            {
                ErrorLine.Say($"The run goes on, but what is shown of it broke: {broken.GetType().Name}: {broken.Message}");
            }
        }
        lost?.Throw();
        return last!;
    }

    public ValueTask DisposeAsync() => events.DisposeAsync();

    private async IAsyncEnumerable<RunEvent> Rest()
    {
        while (await NextAsync())
        {
            yield return events.Current;
        }
    }

    private async Task<bool> NextAsync()
    {
        try
        {
            over = over || !await events.MoveNextAsync();
        }
        catch (Exception error)
        {
            (lost, over) = (ExceptionDispatchInfo.Capture(error), true);
        }
        if (over)
        {
            return false;
        }
        last = events.Current.Status;
        over = until?.Invoke(last) ?? false;
        return true;
    }
}
